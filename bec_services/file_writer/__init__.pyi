from .layout import Draft as Draft, Layout as Layout
