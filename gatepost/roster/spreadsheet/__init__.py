"""Reading one plain table of a school's students, CSV or XLSX, into the tables of `roster.imports.stage`.

Its headings are those schools use, in any order: `docs/protocols/spreadsheet.md`.
"""
