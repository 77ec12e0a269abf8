from .site_additions import Draft as Draft, Layout as Layout
