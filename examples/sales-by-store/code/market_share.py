"""Works out each brand's share of its store's revenue, week by week: what needs all rows of a store at once."""


def init():
    """Nothing to load."""


def run(mini_batch, mini_batch_context):
    """Gets all rows of one store, of every brand; returns as many, with two columns more."""
    store = mini_batch_context.partition_key_value["Store"]
    print(f"store {store}: {len(mini_batch)} rows")
    mini_batch["revenue"] = (mini_batch["quantity"] * mini_batch["price"]).round(2)
    whole_store = mini_batch.groupby("week")["revenue"].transform("sum")
    mini_batch["share"] = (mini_batch["revenue"] / whole_store).round(4)
    return mini_batch[["Store", "Brand", "week", "revenue", "share"]]
