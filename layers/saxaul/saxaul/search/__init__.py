"""The search: what people type, in English, hanzi and pinyin, to what they can do."""
