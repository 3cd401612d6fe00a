# Sums up lines of "file percent lines" as `name`; status 1 if less than `least` percent of all were run.
{
    printf "  %-36s %6.2f %% of %4d lines\n", $1, $2, $3
    run += $2 / 100 * $3
    lines += $3
}

END {
    share = lines ? 100 * run / lines : 0
    printf "COVERAGE name=%s percent=%.2f lines=%d files=%d least=%d\n", name, share, lines, NR, least
    exit !(share >= least)
}
