"""VST3 and Audio Unit plug-ins: found by a scan, played in a process of their own."""
