/* The choice of a configuration, by the firmware's console: the menu of a stick, if it has one.
 *
 * Read next: menu.h. */
#pragma once

/* The path of the configuration file to start. If the volume has the file \menu.cfg, the menu is
 * shown first and a key is waited for, up to the time that the file gives. To be called after
 * files_open(). */
const char *choose_configuration(void);
