"""`python -m kirikae`, as the service is started: the path of Python outlives an upgrade."""

import sys

from kirikae.start import main

sys.exit(main())
