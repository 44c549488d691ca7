import sys

with open(sys.argv[1]) as file:
    means = {tuple(line.split()) for line in file}
with open(sys.argv[2] + "/means.txt", "w") as file:
    for store, brand, mean in sorted(means):
        file.write(f"{store} {brand} {float(mean) * int(sys.argv[3])}\n")
