"""The provider over HTTP: where a browser asks and is asked, and the addresses services speak to."""
