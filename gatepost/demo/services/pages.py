"""How the two services look: one calm page each, in Traditional Chinese, with a word of English beside it."""

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from html import escape
from typing import Any, Final

from gatepost.demo.services.offers import Offer

STYLE: Final = (
    "*{box-sizing:border-box}body{margin:0;font:1.0625rem/1.6 system-ui,'Noto Sans TC',sans-serif;color:#1d2420;"
    "background:#f5f5f2}header{background:var(--own);color:#fff;padding:.9rem 1.25rem}header b{font-size:1.15rem}"
    "main{max-width:44rem;margin:0 auto;padding:1.5rem 1.25rem 3rem}h1{font-size:1.6rem;line-height:1.25;"
    "margin:.2rem 0 1rem}"
    "h2{font-size:1.1rem;margin:0 0 .5rem}section{background:#fff;border:1px solid #d9dcd6;border-radius:.6rem;"
    "padding:1rem 1.25rem;margin:0 0 1rem}dl{display:grid;grid-template-columns:max-content 1fr;"
    "gap:.25rem 1rem;margin:0}"
    "dt{color:#566059}dd{margin:0;overflow-wrap:anywhere}p{margin:.4rem 0}.small{font-size:.9rem;color:#566059}"
    "button,.button{display:inline-block;font:inherit;font-weight:600;color:#fff;background:var(--own);border:0;"
    "border-radius:.5rem;padding:.6rem 1.1rem;text-decoration:none;min-height:2.75rem;cursor:pointer}"
    "button:focus-visible,.button:focus-visible{outline:3px solid #111;outline-offset:2px}"
)
_NAMES: Final = {"name": "姓名", "email": "電子郵件", "locale": "語言"}
_OF_A_CHILD: Final = {"organization": "學校", "className": "班級", "seat": "座號", "studentId": "學號"}


def _style(offer: Offer) -> str:
    return f":root{{--own:{offer.colour}}}{STYLE}"


def policy(offer: Offer) -> str:
    """What a page of the service may load and do: its own style, and forms that lead on to Gatepost."""
    digest = b64encode(sha256(_style(offer).encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; frame-ancestors 'none'"


def known(offer: Offer, claims: Mapping[str, Any]) -> str:
    """Somebody is signed in: what the service offers them, and what it learned."""
    name = escape(str(claims.get("name") or "您"))
    children = [one for one in claims.get("child", []) if isinstance(one, dict)]
    cards = "".join(_child(offer, one) for one in children) or (
        "<section><p>您沒有讓這個服務知道任何孩子。</p></section>"
    )
    told = "".join(
        f"<dt>{label}</dt><dd>{escape(str(claims[key]))}</dd>" for key, label in _NAMES.items() if key in claims
    )
    return _page(
        offer,
        f"{name}，您好",
        f"{cards}<section><h2>這個服務知道的資料</h2><p class=small lang=en>What this service learned</p>"
        f"<dl>{told}<dt>代號</dt><dd>{escape(str(claims.get('sub', '')))}</dd></dl>"
        "<p class=small>代號只在這個服務使用，其他服務看到的是另一個。</p></section>"
        f'<form method=post action="/{offer.path}/sign-out"><button>全部登出 '
        "<span lang=en>Sign out everywhere</span></button></form>",
    )


def said(offer: Offer, title: str, text: str) -> str:
    """A sentence, and the way to sign in."""
    return _page(offer, escape(title), f'<p>{escape(text)}</p><p><a class=button href="/{offer.path}/">登入</a></p>')


def _child(offer: Offer, child: Mapping[str, Any]) -> str:
    facts = "".join(
        f"<dt>{label}</dt><dd>{escape(str(child[key]))}</dd>" for key, label in _OF_A_CHILD.items() if child.get(key)
    )
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{escape(value)}</dd>" for label, value in offer.rows)
    return f"<section><h2>{escape(str(child.get('name', '')))}</h2><dl>{facts}{rows}</dl></section>"


def _page(offer: Offer, title: str, body: str) -> str:
    return (
        f"<!doctype html><html lang=zh-Hant-TW><head><meta charset=utf-8><title>{escape(offer.name)}</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1"><meta name=referrer content=no-referrer>'
        f"<style>{_style(offer)}</style></head><body><header><b>{escape(offer.name)}</b></header>"
        f"<main><h1>{title}</h1>{body}<p class=small>示範服務，資料皆為虛構。"
        "<span lang=en>An invented service of the demonstration.</span></p></main></body></html>"
    )
