/* A guest that ends with exit code 1: its failure must reach the result of the run. */
#include "guest/lib/report.h"
#include "guest/lib/start.h"

void guest_main(void) {
    report(false, "this guest fails on purpose");
    report_done();
}
