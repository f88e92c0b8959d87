"""The columns of the file of taxi trips, and the names of what Transform makes of them."""

# Columns of the file that features are made of. Missing here and there: where a trip ends, its seconds, the company.
FARE = "fare"  # in dollars
MILES = "trip_miles"  # 0 where the meter did not say
SECONDS = "trip_seconds"
PICKUP = ("pickup_latitude", "pickup_longitude")
DROPOFF = ("dropoff_latitude", "dropoff_longitude")
HOUR, DAY, MONTH = "trip_start_hour", "trip_start_day", "trip_start_month"  # from 0; Sunday is 1; January is 1
PICKUP_AREA, DROPOFF_AREA = "pickup_community_area", "dropoff_community_area"  # 1 to 77
PAYMENT, COMPANY = "payment_type", "company"

# The label is computed from this one and the fare. Nobody knows it when the model is asked.
TIPS = "tips"  # in dollars
LABEL = "big_tip"  # int64 [batch, 1], 1 where the tip is over this share of the fare
SHARE = 0.2

# Features after Transform; a class is int64 [batch, 1], from 0.
NUMBERS = "numbers"  # float32 [batch, NUMBERS_SIZE], each with mean 0 and variance 1
NUMBERS_SIZE = 5
STRIPS = 24  # so many strips with equal numbers of trips; a class more for what is missing
IN_STRIPS = (FARE, MILES, *PICKUP, *DROPOFF)
CLASSES = {
    **{f"{name}_strip": STRIPS + 1 for name in IN_STRIPS},
    "hour": 24,
    "weekday": 8,
    "month": 13,
    "pickup_area": 78,  # 0 where it is missing
    "dropoff_area": 78,
    "payment": 9,  # commonest first; the last for any that training did not see
    "company_name": 33,  # the same; missing is one of them
}
