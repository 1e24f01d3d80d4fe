/* Never answers. */
#include <unistd.h>
int ModuleEntry(void *h) { return h != 0; }
int ModuleExit(void) { return 1; }
void *GetPluginFactory(void) { for (;;) pause(); }
