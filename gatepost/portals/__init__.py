"""Pages for people: one package per audience, and the design system they share.

A portal shows what the rooms below it do. It gets its rows from ``access``, calls one room function and renders;
it holds no tables and decides nothing itself. ``static/gatepost`` holds the stylesheet, the mark and the icons;
``templates/gatepost`` the layouts and components. Each component says at its top what it expects.
"""
