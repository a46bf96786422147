"""CNN, LSTM and time-distributed CNN of Lim, Jang and Lee (2016)."""

from acrnn import recipes
from acrnn.models.lim2016.config import Config
from acrnn.models.lim2016.published import PUBLISHED
from acrnn.models.system import Lazy, System

_REDUCED = {"filters": (16, 16), "dense_units": 128, "lstm_units": 64, "series_units": 128}


SYSTEMS = {
    f"lim2016-{network}": System(
        summary=f"{title} (Lim et al. 2016)",
        config=Config,
        build=Lazy("acrnn.models.lim2016.network", "build"),
        frontend="lim2016-log",  # better than magnitudes (see the notes on emodb_lim2016)
        segments=segments,
        recipe=recipes.LIM2016,
        variant={"network": network},
        other_frontends=("lim2016",),
        reduced=_REDUCED,
        published=PUBLISHED,
    )
    for network, title, segments in (
        ("cnn", "CNN on STFT images", "lim2016"),
        ("lstm", "three LSTM layers on STFT frames", "lim2016"),
        ("tdcnn", "time-distributed CNN on STFT images", "lim2016-series"),
    )
}
