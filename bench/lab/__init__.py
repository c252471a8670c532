"""The lab that every question uses: starts servers, makes load, watches processes."""
