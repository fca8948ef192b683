"""Search for actions, trees, campaigns and initiatives in English, Chinese characters (hanzi) or pinyin."""
