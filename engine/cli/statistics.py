"""The command that counts what was made."""

import time

import typer

from engine.cli.app import Home, Json, open_studio, print_json
from engine.rules import counted
from gallery import statistics as counting

commands = typer.Typer()


@commands.command()
def statistics(home: Home = None, as_json: Json = False) -> None:
    """Count the pictures: by day, hour, model, LoRA, sampler and word, and seconds for one picture."""
    found = counting.statistics(open_studio(home).gallery.database, zone_seconds=time.localtime().tm_gmtoff)
    if as_json:
        print_json(found.to_dict())
        return
    pictures, days = counted(found.pictures, "picture"), counted(len(found.days), "day")
    print(f"{pictures}, {found.imported} of them made by other tools, on {days}.")
    for title, names in (("Models", found.models), ("LoRAs", found.loras), ("Samplers", found.samplers)):
        if names:
            print(f"{title}: {', '.join(f'{name} ({count})' for name, count in names)}")
    if found.words:
        print(f"Words: {', '.join(f'{word} ({count})' for word, count in found.words)}")
    for model, count, seconds in found.seconds:
        print(f"{model}: {seconds:.1f} s a picture, in the mean of {count}")
