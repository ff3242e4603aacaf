"""The colours of pictures and pages: what becomes of a pair, and words."""

SKIPPED, MASKED, TESTED, WHOLE = "#eef1f4", "#f9dfb5", "#e07b1a", "#23618e"
LEGEND = {
    WHOLE: "full tile, no test needed",
    TESTED: "pair of a partial tile",
    MASKED: "computed, then masked",
    SKIPPED: "never visited",
}
TEXT, MUTED, OUTLINE = "#1f2933", "#616e7c", "#ffffff"
EMPTY, PARTIAL, FULL = range(3)  # the classes of tiles
