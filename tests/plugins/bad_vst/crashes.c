/* Writes to address 0 when it is asked for its plug-ins. */
int ModuleEntry(void *h) { return h != 0; }
int ModuleExit(void) { return 1; }
void *GetPluginFactory(void) { *(volatile int *)0 = 1; return 0; }
