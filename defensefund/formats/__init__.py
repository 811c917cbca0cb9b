"""How the office's lists write days and moments: as our own pages do (defensefund/templatetags/formats.py)."""
