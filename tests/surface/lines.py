"""One short scan of every kind, and a few that bring other devices into the file."""

from typing import Any

LINES = {
    "acquire": "acquire --burst-at-each-point 3 --exp-time 0.1",
    "adaptive_scan": "adaptive_scan samx -5 5 --ask peak_finder --exp-time 0.1",
    "cont_line_scan": "cont_line_scan samx -4 4 --steps 9 --offset 0.5 --exp-time 0.1",
    "fermat_scan": "fermat_scan samx -1 1 samy -1 1 --step 0.6 --exp-time 0.1",
    "fly_scan": "fly_scan -5 0 51 1 5 41 --flyer flyer --exp-time 0.1",
    "grid_scan": "grid_scan samx -1 1 5 samy -1 1 3 --exp-time 0.1",
    "hexagonal_scan": "hexagonal_scan samx -1 1 0.6 samy -1 1 0.6 --exp-time 0.1",
    "interactive": "",
    "line_scan": "line_scan samx -5 5 --steps 21 --exp-time 0.1 --fit Gaussian"
    " --metadata sample=gold",
    "line_sweep_scan": "line_sweep_scan samx -2 2 --min-update 0.1 --exp-time 0.01",
    "list_scan": "list_scan samx [0,1,3] samy [0,2,1] --relative --exp-time 0.1",
    "log_scan": "log_scan samx 0 10 --steps 12 --exp-time 0.1",
    "multi": 'multi "line_scan samx -1 1 --steps 5 --relative" "mv samy 2"'
    ' "time_scan --points 3 --interval 2" "grid_scan samx 0 1 4 samy -1 1 3"'
    " --exp-time 0.1",
    "multi_region_grid_scan": "multi_region_grid_scan samx samy"
    " --regions [[[0,1,3],[0,1,2]],[[2,3,2],[0,1,2]]] --exp-time 0.1",
    "multi_region_line_scan": "multi_region_line_scan samx"
    " --regions [[0,1,5],[2,3,4]] --relative --exp-time 0.1",
    "round_roi_scan": "round_roi_scan samx -1 1 samy -1 1 --shell-spacing 0.6"
    " --pos-in-first-ring 4 --exp-time 0.1",
    "round_scan": "round_scan samx samy --inner-radius 0 --outer-radius 1"
    " --number-of-rings 3 --pos-in-first-ring 4 --exp-time 0.1",
    "there_and_back": "there_and_back samx -1 1 --steps 5 --relative --exp-time 0.1",
    "time_scan": "time_scan --points 9 --interval 2 --exp-time 0.1",
}
"""By name of the scan. Add new ones at the end: clocks and counters go on."""
MORE = {
    "line_scan_of_a_pseudo_axis": "line_scan slit.gap 0 2 --steps 3 --exp-time 0.1",
    "acquire_with_arrays": "acquire --monitored [cam,wave] --burst-at-each-point 3"
    " --frames-per-trigger 2 --exp-time 0.1",
    "line_scan_of_a_temperature": "line_scan temp 293 300 --steps 3 --monitored [ring]"
    " --exp-time 0.1",
}


def drive(client: Any) -> Any:
    """Take points by hand; return the report."""
    with client.scans.interactive("samx", "samy", exp_time=0.1) as scan:
        for number in range(3):
            scan.point(samx=number / 10)
            scan.move(samy=number / 10)
    return scan.report
