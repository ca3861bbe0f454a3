"""From files to arrays and back. The core of the package knows none of this but `load_mnist`."""
