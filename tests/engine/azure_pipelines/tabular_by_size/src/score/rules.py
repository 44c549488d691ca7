def name_of(petal_length, limits):
    return next(name for name, limit in limits if petal_length < limit)
