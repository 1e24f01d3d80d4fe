/* Has nothing to offer: its factory is NULL. */
int ModuleEntry(void *h) { return h != 0; }
int ModuleExit(void) { return 1; }
void *GetPluginFactory(void) { return 0; }
