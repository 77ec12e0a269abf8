from .comms import handle_beside_the_cell as handle_beside_the_cell
