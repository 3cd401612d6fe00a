/* What a guest leaves behind: its counters, its story, its result; and the end of everything. */
#pragma once

struct vm;

/* The lines that others parse (README, "Output"). The guest's vCPUs have stopped. */
void summary_of_guest(struct vm *vm);

/* A guest of the configuration that could not be started. */
struct boot_guest;
void summary_not_started(const struct boot_guest *guest, const char *reason);

/* On the boot CPU, when all guests have ended. */
_Noreturn void summary_and_power_off(void);
