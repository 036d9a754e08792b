"""Two seconds."""

import time

time.sleep(2.0)
