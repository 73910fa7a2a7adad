def compare(section, material):
    pass
