/* The machine checks that this CPU has recorded. Read next: arch/machine_check.h. */
#pragma once

/* Prints a line for each bank that holds an error, and returns their number. On the CPU that had
 * the machine check, before a panic: its registers are its own. */
unsigned machine_check_print(void);
