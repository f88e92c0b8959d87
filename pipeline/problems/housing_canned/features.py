"""The columns of the census file, and the names of what Transform makes of them."""

# Columns of the file. Each row is a block of some hundred households.
LONGITUDE = "longitude"
LATITUDE = "latitude"
AGE = "housing_median_age"
ROOMS = "total_rooms"
BEDROOMS = "total_bedrooms"  # missing in one row of a hundred
PEOPLE = "population"
HOUSEHOLDS = "households"
INCOME = "median_income"  # in ten thousands of dollars a year
PROXIMITY = "ocean_proximity"

LABEL = "median_house_value"
PRICE_CAP = 500_001.0  # in dollars; at the cap, the file says "at least"

# Features after Transform.
NUMBERS = "numbers"  # float32 [batch, NUMBERS_SIZE], each column with mean 0 and variance 1
CELL = "cell"  # int64 [batch], the cell of a grid over the map
NEARNESS = "nearness"  # int64 [batch], index of ocean_proximity, commonest first; UNSEEN for any other value

NUMBERS_SIZE = 11
GRID = 24  # cells of the grid along each side, with equal numbers of rows in each strip
UNSEEN = 5  # so many classes are known
