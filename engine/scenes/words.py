"""The wordings that captions choose from. Every phrase names something that is seen in the picture."""

TIME = {
    "dawn": ("at dawn", "at sunrise", "in the early morning", "at daybreak", "under a pale pink dawn sky",
             "in soft morning light"),
    "day": ("at noon", "in daylight", "in the daytime", "at midday", "during the day", "in full daylight"),
    "sunset": ("at sunset", "at sundown", "under an orange sunset sky", "in the golden hour", "in the evening glow",
               "in warm sunset light"),
    "dusk": ("at dusk", "at twilight", "in the blue hour", "under a purple twilight sky", "after sundown at dusk",
             "in violet twilight"),
    "night": ("at night", "on a dark night", "under the night sky", "at midnight", "in the dark of night",
              "in the middle of the night"),
    "aurora": ("under the northern lights", "under the aurora", "with aurora borealis in the sky",
               "under green northern lights", "at night with aurora", "beneath a glowing aurora"),
}  # fmt: skip
WEATHER = {
    "clear": ("clear sky", "a clear sky", "clear weather"),
    "cloudy": ("cloudy sky", "big clouds", "with heaped clouds", "cumulus clouds", "cloudy"),
    "fog": ("fog", "foggy", "in thick mist", "misty", "with drifting fog"),
    "rain": ("rain", "in the rain", "rainy", "falling rain", "on a rainy day"),
    "snow": ("snow", "snowing", "falling snow", "in the snow", "snowfall in winter"),
    "storm": ("thunderstorm", "storm with lightning", "lightning in a dark sky", "stormy", "a bolt of lightning"),
}
WEATHER_AT_NIGHT = {"rain": ("rain", "in the rain", "rainy", "falling rain", "on a rainy night")}
LAND = {
    "mountains": ("mountains", "a mountain range", "tall mountains", "jagged mountain peaks", "rocky mountains"),
    "hills": ("green hills", "rolling hills", "gentle hills", "round hills", "hill country"),
    "valley": ("a valley", "a deep valley", "a valley between steep slopes", "a mountain valley"),
    "forest": ("a forest", "deep woods", "a dense forest", "woodland", "an enchanted forest"),
    "desert": ("a desert", "sand dunes", "desert dunes", "a sandy desert", "a vast desert"),
    "canyon": ("a canyon", "a red rock canyon", "red mesas", "canyon walls", "a canyon of layered rock"),
    "volcano": ("a volcano", "an erupting volcano", "a volcano with lava", "a smoking volcano", "a fiery volcano"),
    "cliffs": ("cliffs", "tall cliffs", "steep rocky cliffs", "high stone cliffs"),
    "floating": ("floating islands", "islands in the sky", "a floating island", "flying islands", "sky islands"),
}
LAND_PLACE = {
    "mountains": ("in the mountains", "below tall mountains", "among mountain peaks", "near the mountains"),
    "hills": ("in the hills", "among rolling hills", "in green hills", "near round hills"),
    "valley": ("in a valley", "in a deep valley", "in a mountain valley"),
    "forest": ("in a forest", "in the woods", "deep in the forest", "among the trees of a forest"),
    "desert": ("in the desert", "among sand dunes", "in a sandy desert"),
    "canyon": ("in a canyon", "among red mesas", "in a red rock canyon"),
    "volcano": ("near a volcano", "below an erupting volcano", "by a volcano with lava"),
    "cliffs": ("by the cliffs", "near steep cliffs", "before tall cliffs"),
    "floating": ("on a floating island", "on an island in the sky", "on a flying island"),
}
WATER = {
    "lake": ("a lake", "a calm lake", "still water of a lake", "a lake with reflections", "a mirror lake"),
    "river": ("a river", "a winding river", "a stream", "a river that winds through the land"),
    "sea": ("the sea", "the ocean", "the sea shore", "a wide sea", "waves of the sea"),
    "waterfall": ("a waterfall", "a falling stream", "a tall waterfall", "a white waterfall"),
}
WATER_PLACE = {
    "lake": ("by a lake", "beside a calm lake", "on the shore of a lake", "at the lakeside"),
    "river": ("by a river", "beside a winding river", "near a stream"),
    "sea": ("by the sea", "by the ocean", "at the coast", "at the sea shore"),
    "waterfall": ("by a waterfall", "near a waterfall", "beside a tall waterfall"),
}
# A ship is on the water, not beside it.
SHIP_PLACE = {
    "lake": ("on a lake", "on a calm lake", "sailing across a lake"),
    "sea": ("on the sea", "on the ocean", "sailing the sea"),
}
# Water that falls from a floating island, and open water far below it.
FLOATING_WATER_PLACE = {
    "waterfall": ("with a waterfall", "with a waterfall that falls from the rim"),
    "sea": ("above the sea", "over the ocean"),
}
PLANTS = {
    "pines": ("pine trees", "pines", "fir trees", "tall conifers", "evergreen trees"),
    "leafy": ("green trees", "leafy trees", "lush trees", "broad green trees"),
    "autumn": ("autumn trees", "orange trees", "trees in autumn colours", "golden autumn leaves"),
    "blossom": ("cherry blossoms", "pink blossom trees", "blossoming trees", "pink cherry trees"),
    "palms": ("palm trees", "palms", "tropical palms"),
    "flowers": ("flowers", "wildflowers", "a meadow of flowers", "colourful flowers", "a flower field"),
}
LANDMARK = {
    "castle": ("a castle", "a medieval castle", "a fantasy castle", "a castle with many towers", "a fortress"),
    "tower": ("a tower", "a wizard's tower", "a lonely tower", "a tall stone tower", "an old watchtower"),
    "village": ("a village", "a small village", "a village with a church spire", "cottages", "village houses"),
    "temple": ("a temple", "a marble temple", "a temple with columns", "an ancient temple", "a columned temple"),
    "ship": ("a sailing ship", "a ship", "an old galleon", "a tall ship", "a ship with square sails"),
    "windmill": ("a windmill", "an old windmill", "a lone windmill", "a windmill with four sails"),
    "mushrooms": ("giant mushrooms", "huge mushrooms", "enormous spotted mushrooms", "big mushrooms"),
    "crystals": ("giant crystals", "huge crystals", "crystal spires", "magic crystals", "a cluster of crystals"),
}
MOOD = {
    "calm": ("calm", "peaceful", "serene", "quiet"),
    "dramatic": ("dramatic", "dramatic light", "moody", "high contrast"),
    "dreamy": ("dreamy", "soft and hazy", "pastel", "dreamlike"),
    "magical": ("magical", "floating lights", "glowing fireflies", "magic lights in the air"),
}
STYLE = ("fantasy landscape", "concept art", "digital painting", "fantasy art", "matte painting", "painterly",
         "beautiful scenery", "fantasy scenery")  # fmt: skip
LOOK = {
    "ink": ("ink drawing", "ink lines and washes", "pen and ink", "ink wash painting"),
    "cel": ("cel shading", "anime style", "anime background", "flat cel shaded colours"),
    "mono": ("cold monochrome", "blue monochrome", "monochrome painting", "in cold grey blue tones"),
}
VIEW = ("a landscape", "scenery", "a view", "a wide view")

# One plain word or two for each value, for the structured caption.
PLAIN = {
    "time": {name: name for name in TIME},
    "weather": {name: name for name in WEATHER},
    "land": {name: words[0].removeprefix("a ") for name, words in LAND.items()},
    "water": {name: name for name in WATER},
    "plants": {name: words[0] for name, words in PLANTS.items()},
    "landmark": {name: words[0].removeprefix("a ") for name, words in LANDMARK.items()},
    "mood": {name: name for name in MOOD},
    "look": {name: words[0] for name, words in LOOK.items()},
}
