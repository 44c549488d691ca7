# Two arguments: the rows of one store and brand, and which ones these are.
import datetime


def init():
    print("init")


def run(mini_batch, mini_batch_context):
    print(mini_batch_context.partition_key_value, mini_batch_context.mini_batch_id)
    total_income = mini_batch["Revenue"].sum()
    mini_batch["Store"] = mini_batch_context.partition_key_value["Store"]
    assert (mini_batch["Brand"] == mini_batch_context.partition_key_value["Brand"]).all()
    first = datetime.date.fromisoformat(str(mini_batch["WeekStarting"].min())[:10])
    top = mini_batch.nlargest(1, "Revenue")[["Store", "Brand", "WeekStarting"]].copy()
    top["Total"] = round(float(total_income), 2)
    top["First"] = first.isoformat()
    return top
