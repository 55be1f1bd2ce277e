"""The pages and their order."""

from pathlib import Path

import streamlit as st

from pages.parts.address import give_back
from pages.parts.attention import show_attention
from pages.parts.common import (
    ANIMEIFY,
    EVALUATE,
    EXPLORE,
    GALLERY,
    GENERATE,
    QUEUE,
    STORAGE,
    STUDIES,
    TRAIN,
    UPSCALE,
    open_studio,
)
from pages.parts.double_clicks import swallow_double_clicks
from pages.parts.fields import hear_jumps
from pages.parts.health import show_health
from pages.parts.licences import show_restrictions_to_others

ICON = Path(__file__).with_name("icon.png")  # a file: named icons would be fetched from the web

st.set_page_config(page_title="Niji Studio", page_icon=str(ICON), layout="wide")

# Small buttons show their icon alone and are heard by their name. Gallery tiles are square, and the
# whole tile opens the picture, not only its title: the button's transparent ::after covers it. Less
# empty space above the page, and a size picker that fits into half of a small screen. Of a button that is
# given anew after a press only the new one is seen, not the old one that stands behind it for a moment. An open list
# closes when the page behind it scrolls, as it does by itself where it gets shorter (a job has ended), so while one is
# open there is room enough below. Explore's picture stays in sight while its sliders
# are moved.
st.html(
    """<style>
    .stMainBlockContainer { padding-top: 4.5rem; }
    button[kind="primary"]:enabled * { color: light-dark(#ffffff, #171614) !important; }
    .st-key-use_settings a { background: light-dark(#a84c18, #f0a06a); border-radius: 0.5rem;
        min-height: 2.5rem; padding: 0 0.75rem; }
    .st-key-use_settings a * { color: light-dark(#ffffff, #171614) !important; }
    button kbd { color: inherit !important; opacity: 1 !important; }
    .st-key-dice button p, .st-key-model_menu button p, .only-heard {
        position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
    }
    #results, [id^="wrong-"] { scroll-margin-top: 5rem; }
    [class*="st-key-size"] button { padding-inline: 0.5rem; }
    [class*="st-key-tile_"] { position: relative; gap: 0; }
    [class*="st-key-tile_"] img { aspect-ratio: 1; object-fit: cover; }
    [class*="st-key-tile_"] [class*="st-key-open_"] { position: static; }
    [class*="st-key-open_"] button::after { content: ""; position: absolute; inset: 0; z-index: 1; }
    [class*="st-key-tile_"] [class*="st-key-restore_"] { z-index: 2; }
    [class*="st-key-tile_"] [class*="st-key-chosen_"], [class*="st-key-chosen_"] label { position: static; }
    [class*="st-key-chosen_"] label::after { content: ""; position: absolute; inset: 0; z-index: 1; cursor: pointer; }
    [class*="st-key-tile_"]:has(input:checked) img { outline: 4px solid light-dark(#a84c18, #f0a06a);
        outline-offset: -4px; }
    .st-key-selection_bar { position: sticky; top: 3.5rem; z-index: 10; background: light-dark(#ffffff, #1b1a18); }
    [class*="st-key-one_press_"] > :not(:first-child) { display: none; }
    .stColumn:has(.st-key-explore_picture) { position: sticky; top: 3.5rem; align-self: flex-start; z-index: 5;
        background: light-dark(#ffffff, #1b1a18); }
    @media (max-width: 640px) {
        .st-key-explore_picture img { max-width: 200px !important; }
        [data-testid="stToastContainer"] { top: auto !important; bottom: 0.5rem !important; }
    }
    [data-testid="stLayoutWrapper"]:has(> :is(.st-key-listener, .st-key-jumps, .st-key-double_clicks,
        .st-key-listener_of_typing, [class*="st-key-toasts_"])) { display: none; }
    body:has([data-testid="stMultiSelectDropdown"], [data-testid="stSelectboxVirtualDropdown"]) {
        .stMain { overflow-anchor: none; }
        .stMainBlockContainer { padding-bottom: 300vh; }
    }
    </style>"""
)

page = st.navigation(
    [
        st.Page(GENERATE, title="Generate", icon=":material/brush:", default=True),
        st.Page(ANIMEIFY, title="Anime-ify", icon=":material/auto_awesome:", url_path="animeify"),
        st.Page(UPSCALE, title="Upscale", icon=":material/zoom_out_map:", url_path="upscale"),
        st.Page(EXPLORE, title="Explore", icon=":material/explore:", url_path="explore"),
        st.Page(TRAIN, title="Train", icon=":material/model_training:", url_path="train"),
        st.Page(EVALUATE, title="Evaluate", icon=":material/query_stats:", url_path="evaluate"),
        st.Page(STUDIES, title="Studies", icon=":material/how_to_vote:", url_path="studies"),
        st.Page(GALLERY, title="Gallery", icon=":material/photo_library:", url_path="gallery"),
        st.Page(QUEUE, title="Queue", icon=":material/queue:", url_path="queue"),
        st.Page(STORAGE, title="Storage", icon=":material/hard_drive:", url_path="storage"),
    ],
    position="top",
)
give_back(page.url_path)
show_attention(page.title)
show_health(page.title)
hear_jumps()
swallow_double_clicks()
show_restrictions_to_others(open_studio())
page.run()
