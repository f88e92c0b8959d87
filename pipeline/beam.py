"""Beam's options: the runner and its mode are always named.

Beam from 2.68 on replaces a runner called ``DirectRunner`` by Prism, a binary that it downloads when first used. Named
by its class, the Python runner is what runs, and nothing is fetched.
"""

from pipeline.config.model import Beam


def beam_args(settings: Beam) -> list[str]:
    """Return the ``beam_pipeline_args`` for the settings.

    ``direct`` is one worker in the node's own process: Beam's multi-processing mode has been seen to drop rows
    silently. The options are in TFX's cache key, so nothing that differs between two runs is among them.
    """
    return {
        "direct": [
            "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
            "--direct_running_mode=in_memory",
            "--direct_num_workers=1",
            "--no_save_main_session",
            # TFX packs itself into an sdist for remote workers, 1 to 2 s a node, unless they have an image.
            "--sdk_container_image=none",
        ],
    }[settings.runner]
