/* Ends the whole process when it is asked for its plug-ins. */
#include <stdlib.h>
int ModuleEntry(void *h) { return h != 0; }
int ModuleExit(void) { return 1; }
void *GetPluginFactory(void) { exit(3); }
