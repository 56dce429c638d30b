DATE_FORMAT = r"\n\g\à\y j \t\h\á\n\g n \n\ă\m Y"  # “ngày 7 tháng 12 năm 2026”: small, as it stands within sentences
DATETIME_FORMAT = rf"H:i {DATE_FORMAT}"
SHORT_DATE_FORMAT = "d/m/Y"
