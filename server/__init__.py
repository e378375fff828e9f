"""The centre: stores every passage once and runs overload cases by the law."""
