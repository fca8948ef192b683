"""The search: finds suggestions by what people type in English, hanzi or pinyin."""
