def examine(*a, **k):
    return ()


def render(t):
    return ""
