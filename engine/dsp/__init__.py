"""Signal processing for plugins and trainers: functions and tables, no plugins."""
