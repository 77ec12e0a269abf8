from .site_layout import Draft as Draft, Layout as Layout
