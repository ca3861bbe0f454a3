/* The theme loads half a megabyte of Font Awesome as a script, although its icons come from the web font. */
