"""The life of an electronic certificate (电子证照): its look and its templates by now; see README.md."""
