"""An analysis that says where the next point of an adaptive scan is: `peak_finder`.

`BEC_NAME=peak_finder python -m example_beamline.peak_finder` runs it, with `BEC_REDIS`
as for any service; `adaptive_scan samx -5 5 --ask peak_finder` asks it.
"""

from bec_kernel.service import Question, answer_questions, serve

FIRST = 5
FINE = 1 / 30


def where_next(question: Question) -> dict[str, float] | None:
    """Bisect beside the highest point; first some points over the whole range."""
    ((motor, (start, stop)),) = question.data["range"].items()
    points, counter = question.data["points"], question.begin.triggered[0]
    if len(points) < FIRST:
        return {motor: start + (stop - start) * len(points) / (FIRST - 1)}
    seen = sorted((point[f"{motor}_setpoint"], point[counter]) for point in points)
    at = max(range(len(seen)), key=lambda i: seen[i][1])
    sides = [i for i in (at - 1, at + 1) if 0 <= i < len(seen)]
    far = max(sides, key=lambda i: abs(seen[i][0] - seen[at][0]))
    if abs(seen[far][0] - seen[at][0]) < FINE * abs(stop - start):
        return None
    return {motor: (seen[far][0] + seen[at][0]) / 2}


if __name__ == "__main__":
    serve("data_analysis", lambda life: answer_questions(life, where_next))
