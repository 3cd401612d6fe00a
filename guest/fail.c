/* A guest that ends with exit code 1, to see that whoever started it notices. */
#include "guest/lib/report.h"
#include "guest/lib/start.h"

void guest_main(void) {
    report(false, "this guest fails on purpose");
    report_done();
}
