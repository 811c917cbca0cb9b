"""English with the clock of 24 hours that books are kept by: no "midnight", no "p.m."."""

TIME_FORMAT = "H:i"
DATE_FORMAT = "F j, Y"
DATETIME_FORMAT = r"F j, Y, H:i \U\T\C"
SHORT_DATE_FORMAT = "Y-m-d"
SHORT_DATETIME_FORMAT = "Y-m-d H:i"
