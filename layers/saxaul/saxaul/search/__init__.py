"""Search for suggestions with queries in English, Chinese characters (hanzi) or pinyin."""
