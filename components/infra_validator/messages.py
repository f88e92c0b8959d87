"""TensorFlow's messages cut down to the sentence that says what is wrong."""

# What TensorFlow puts around that sentence: where in the graph, and that it does not know where in the code.
_AROUND = ("Graph execution error", "Detected at node", "File ", "<stack traces unavailable>", "[[")


def telling_line(error: BaseException) -> str:
    """Return the type of an error and the line of its message that tells most."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(_AROUND)]
    return f"{type(error).__name__}: {(telling or lines or ['no message'])[0]}"
