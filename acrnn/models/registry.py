"""The registry of systems: those of this package, and those that other installed packages declare.

A package adds a system with an entry point in the group "acrnn.systems" that names a `System`; the name of the entry point
becomes the system's key:

    [project.entry-points."acrnn.systems"]
    mine2027 = "my_package.mine2027:SYSTEM"
"""

from acrnn.extensions import with_extensions
from acrnn.models import chen2018, han2014, lim2016, peng2021, zhang2021
from acrnn.models.system import System

MODELS: dict[str, System] = with_extensions(
    {
        **chen2018.SYSTEMS,
        **zhang2021.SYSTEMS,
        **han2014.SYSTEMS,
        **lim2016.SYSTEMS,
        **peng2021.SYSTEMS,
    },
    "acrnn.systems",
    System,
)
