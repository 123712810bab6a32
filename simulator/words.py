"""The small dictionaries everything is written from: names, places, pages, browsers, searches."""
# ruff: noqa: SIM905  names as running text: a list would be a line each

FIRST_NAMES = (
    "Ada Alba Amir Anna Arlo Asha Beatrix Bram Cara Carys Cedric Dara Della Dev Edith Elif Emrys Enid Fay Felix "
    "Fiona Gethin Greta Hana Harvey Hugo Ida Imran Iris Ivo Jago Jana Joan Juno Kasia Keir Lena Leo Lowri Magnus "
    "Maia Mina Nadia Niall Nora Odette Olwen Omar Otto Pearl Petra Priya Quentin Rafi Rhea Rosa Rufus Sanna Seren "
    "Silas Talia Theo Tomos Una Vera Viggo Willa Yara Yusuf Zelda"
).split()
LAST_NAMES = (
    "Abbot Ashby Barlow Bassett Beck Birch Blythe Bower Brook Calder Carver Chandra Clegg Croft Dale Darby Dunmore "
    "Eccles Elder Fairley Farrow Fenn Forster Gale Garside Gorse Greer Hale Hartley Hesketh Holt Iqbal Ingle Jessop "
    "Kaur Keane Kendrick Larch Latham Linden Lowe Maddox Marsh Mercer Moss Nairn Nuttall Oakes Okoye Orme Padgett "
    "Penrose Pryce Quayle Rahman Ridley Rowan Sandhu Selby Shaw Sorrel Tarn Thorne Underhill Vale Vance Wainwright "
    "Whitlow Wren Yates"
).split()
STREETS = "High Street,Mill Lane,Station Road,Church Walk,Orchard Close,Bridge Street,Meadow Way,Quay Road".split(",")
# city, region, postcode area
PLACES = (
    ("London", "London", "EC"),
    ("Leeds", "Yorkshire and the Humber", "LS"),
    ("Sheffield", "Yorkshire and the Humber", "S"),
    ("Manchester", "North West", "M"),
    ("Liverpool", "North West", "L"),
    ("Newcastle", "North East", "NE"),
    ("Nottingham", "East Midlands", "NG"),
    ("Birmingham", "West Midlands", "B"),
    ("Norwich", "East of England", "NR"),
    ("Brighton", "South East", "BN"),
    ("Bristol", "South West", "BS"),
    ("Cardiff", "Wales", "CF"),
    ("Edinburgh", "Scotland", "EH"),
    ("Belfast", "Northern Ireland", "BT"),
)
PLACE_SHARES = (0.22, 0.07, 0.06, 0.1, 0.06, 0.05, 0.06, 0.09, 0.05, 0.06, 0.06, 0.04, 0.05, 0.03)
DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com", "post.example.org")
TEST_ADDRESSES = ("test@test.com", "noreply@example.com", "a@a.a")
LIFESTYLES = ("homebody", "outdoors", "family", "city", "maker", "traveller")
INCOME_BANDS = ("under 20k", "20k-35k", "35k-50k", "50k-75k", "over 75k")

# category, brands, things sold, lowest and highest price in pence
CATEGORIES = (
    ("kitchen", ("Copperleaf", "Hearthside"), ("pan", "kettle", "knife", "casserole", "grinder"), 900, 14000),
    ("garden", ("Fernwood", "Rill"), ("trowel", "planter", "hose", "shears", "lantern"), 600, 9500),
    ("lighting", ("Lumenhall", "Wick"), ("desk lamp", "floor lamp", "pendant", "string lights"), 1200, 18000),
    ("bedding", ("Drowse", "Linenfold"), ("duvet", "pillow", "sheet set", "throw"), 1500, 16000),
    ("toys", ("Pip and Oak", "Tumbler"), ("puzzle", "train", "blocks", "kite", "puppet"), 500, 6000),
    ("sport", ("Strider", "Cairn"), ("mat", "bottle", "racket", "rucksack", "weights"), 800, 15000),
    ("books", ("Foxglove Press", "Tide"), ("cookbook", "atlas", "novel", "journal"), 500, 4000),
    ("audio", ("Ovation", "Reso"), ("headphones", "speaker", "radio", "turntable"), 2500, 32000),
    ("beauty", ("Sedge", "Mira"), ("soap", "balm", "scent", "brush"), 500, 6500),
    ("pets", ("Wagtail", "Burrow"), ("bed", "lead", "bowl", "scratcher"), 500, 7000),
    ("stationery", ("Quillon", "Margin"), ("pen", "notebook", "planner", "ink"), 300, 4500),
    ("furniture", ("Alder", "Trestle"), ("stool", "shelf", "side table", "chair"), 3500, 36000),
)
ADJECTIVES = ("classic", "small", "large", "blue", "oak", "folding", "travel", "deluxe", "everyday", "woven")

SITE = "https://shop.example"
PAGES = ("/", "/about", "/help", "/delivery", "/account", "/offers")
REFERRERS = ("https://search.example/", "https://social.example/feed", "https://news.example/letter")
SEARCHES = ("gift", "sale", "new in", "under 20", "for her", "for him", "eco", "wedding", "birthday", "replacement")

WEB, IOS, ANDROID = 0, 1, 2
PLATFORMS = ("web", "ios", "android")
AGENTS = {
    WEB: (
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/139.0.0.0 Safari/537.36"
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Safari/605.1.15"
        ),
        "Mozilla/5.0 (X11; Linux x86_64; rv:141.0) Gecko/20100101 Firefox/141.0",
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
            "Version/18.5 Mobile/15E148 Safari/604.1"
        ),
        (
            "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
            "Chrome/139.0.0.0 Mobile Safari/537.36"
        ),
    ),
    IOS: ("ShopApp/5.2 (iPhone16,1; iOS 18.5)", "ShopApp/5.1 (iPad14,3; iPadOS 18.4)"),
    ANDROID: ("ShopApp/5.2 (Pixel 9; Android 15)", "ShopApp/5.0 (SM-S921B; Android 14)"),
}
BOT_AGENTS = (
    "Mozilla/5.0 (compatible; ExampleBot/2.1; +https://bot.example/about)",
    "PriceCrawler/1.4 (+https://prices.example)",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/138.0.0.0 Safari/537.36",
    "index-spider/0.9",
    "UptimeBot/3.0 (+https://uptime.example)",
)
