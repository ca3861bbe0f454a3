"""What the book's pages use to show things. The core of the package knows none of this."""
